ALTER MODEL PAI_EAS_Qwen25_Omni_3B ADD VERSION v2
INPUT(url STRING, promt STRING)
WITH OPTIONS(
    TASKS = 'text-generation',
    PAI_EAS_MODEL_NAME = 'Qwen2.5-Omni-3B',
    PAI_EAS_SERVICE_NAME = 'test_remote_model',
    ENDPOINT = 'http://11261230********.cn-shanghai.pai-eas.aliyuncs.com',
    APIKEY = '<apikey>',
    PAI_EAS_SYNC_MODE = 'true'
)
COMMENT "PAI EAS remote model string-url input";

ALTER MODEL test_xgboost_classifier ADD VERSION V2
INPUT (f1 int, f2 int, f3 int)
WITH OPTIONS(
    LOCATION = 'oss://oss-cn-shanghai.aliyuncs.com/model-bucket-test/xgboost_classifier_v2/',
    ROLEARN = 'acs:ram::11261230********:role/aliyunodpsdefaultrole'
)
COMMENT 'Import XGBoost model v2';

-- Check the current default version. Default version is v1, with BINARY input.
DESC MODEL PAI_EAS_Qwen25_Omni_3B;
-- Change the default version to v2.
ALTER MODEL PAI_EAS_Qwen25_Omni_3B SET DEFAULT_VERSION v2;
-- OK
-- Verify: default version is now v2, with STRING input.
DESC MODEL PAI_EAS_Qwen25_Omni_3B;
-- Attempting to delete v2 while it is the default version returns an error.
ALTER MODEL PAI_EAS_Qwen25_Omni_3B DROP VERSION v2;
-- Error: ODPS-0110061: Failed to run ddltask - The default version of the model cannot be dropped
-- First set another version as the default, then delete v2.
ALTER MODEL PAI_EAS_Qwen25_Omni_3B SET DEFAULT_VERSION v1;
-- OK
ALTER MODEL PAI_EAS_Qwen25_Omni_3B DROP VERSION v2;
-- OK
