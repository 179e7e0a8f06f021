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
INPUT (f1 int,f2 int,f3 int)
WITH OPTIONS(
  LOCATION = 'oss://oss-cn-shanghai.aliyuncs.com/model-bucket-test/xgboost_classifier_v2/',
  ROLEARN = 'acs:ram::11261230********:role/aliyunodpsdefaultrole'
)
COMMENT 'Import XGBoost model v2';

-- モデルのデフォルトバージョン情報を表示します。デフォルトバージョンは v1 で、サポートされている入力パラメーター列は BINARY 型です。
DESC MODEL PAI_EAS_Qwen25_Omni_3B;
-- モデルのデフォルトバージョンを v2 に変更します。
ALTER MODEL PAI_EAS_Qwen25_Omni_3B SET DEFAULT_VERSION v2;
-- モデルのデフォルトバージョン情報を表示します。デフォルトバージョンは v2 に変更され、サポートされている入力パラメーター列は STRING 型です。
DESC MODEL PAI_EAS_Qwen25_Omni_3B;
-- モデルの現在のデフォルトバージョンが v2 の場合、このバージョンを削除しようとするとエラーが報告されます。
ALTER MODEL PAI_EAS_Qwen25_Omni_3B DROP VERSION v2;
-- 次のエラーが返されます:FAILED: ODPS-0110061: Failed to run ddltask - The default version of the model cannot be dropped
-- 正しい例:まず、モデルのデフォルトバージョンを v1 に変更し、次にバージョン v2 を削除します。
ALTER MODEL PAI_EAS_Qwen25_Omni_3B SET DEFAULT_VERSION v1;
-- OK
ALTER MODEL PAI_EAS_Qwen25_Omni_3B DROP VERSION v2;
-- OK
