-- The statements of the vendor's pages "Create and delete a model" and "Modify a model version", as printed there,
-- in an order that runs from top to bottom, and can be run again on the same file:
--
--     odpsmodel run models.db examples/models.sql

-- What an earlier run has left.
DROP MODEL IF EXISTS PAI_EAS_Qwen25_Omni_3B;
DROP MODEL IF EXISTS test_xgboost_classifier;

-- A remote model: a service of PAI EAS.  Its first version, v1, becomes the default.
-- The page's APIKEY is a placeholder; write '${EAS_TOKEN}' to name an environment variable that holds the key.
CREATE MODEL PAI_EAS_Qwen25_Omni_3B WITH VERSION v1
INPUT(data BINARY, promt STRING)
OPTIONS(
    MODEL_SOURCE_TYPE = 'REMOTE',
    MODEL_TYPE = 'MLLM',
    TASKS = 'text-generation',
    PAI_EAS_MODEL_NAME = 'Qwen2.5-Omni-3B',
    PAI_EAS_SERVICE_NAME = 'test_remote_model',
    ENDPOINT = 'http://11261230********.cn-shanghai.pai-eas.aliyuncs.com',
    APIKEY = '<YOUR-API-KEY>',
    PAI_EAS_SYNC_MODE = 'true'
)
COMMENT "PAI EAS remote model binary input";

-- An imported model: an XGBoost file in OSS.
CREATE MODEL test_xgboost_classifier WITH VERSION V1
INPUT (f1 int, f2 int, f3 int, f4 int)
OPTIONS(
    MODEL_SOURCE_TYPE = 'IMPORT',
    MODEL_TYPE = 'BOOSTED_TREE_CLASSIFIER',
    LOCATION = 'oss://oss-cn-shanghai-internal.aliyuncs.com/********/xgboost_classifier/',
    ROLEARN = 'acs:ram::11261230********:role/aliyunodpsdefaultrole'
)
COMMENT 'Import XGBoost model v1';

-- Names are folded to lower case.
SHOW MODELS;
DESC MODEL PAI_EAS_Qwen25_Omni_3B;

-- A second version each.  The columns may differ from the first version's.
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

-- The page's LOCATION has no -internal endpoint, which is a warning here.
ALTER MODEL test_xgboost_classifier ADD VERSION V2
INPUT (f1 int, f2 int, f3 int)
WITH OPTIONS(
    LOCATION = 'oss://oss-cn-shanghai.aliyuncs.com/model-bucket-test/xgboost_classifier_v2/',
    ROLEARN = 'acs:ram::11261230********:role/aliyunodpsdefaultrole'
)
COMMENT 'Import XGBoost model v2';

SHOW VERSIONS FOR MODEL PAI_EAS_Qwen25_Omni_3B;
SHOW VERSIONS FOR MODEL test_xgboost_classifier;

-- Change the default version to v2; DESC shows v2 and its STRING input.
ALTER MODEL PAI_EAS_Qwen25_Omni_3B SET DEFAULT_VERSION v2;
DESC MODEL PAI_EAS_Qwen25_Omni_3B;

-- The default version cannot be dropped.  First set another version as the default, then delete v2.
ALTER MODEL PAI_EAS_Qwen25_Omni_3B SET DEFAULT_VERSION v1;
ALTER MODEL PAI_EAS_Qwen25_Omni_3B DROP VERSION v2;

-- Both models stay: PAI_EAS_Qwen25_Omni_3B with v1, test_xgboost_classifier with v1 (the default) and v2.
SHOW VERSIONS FOR MODEL PAI_EAS_Qwen25_Omni_3B;
SHOW MODELS;
