-- Statements as str() prints them: each is read and printed again unchanged.  A new statement adds a line.
CREATE MODEL m WITH VERSION v1
INPUT (f1 int, `comment` decimal(10,2) COMMENT 'it\'s', 年龄 varchar(10))
OPTIONS (
    MODEL_SOURCE_TYPE = 'IMPORT',
    MODEL_TYPE = 'BOOSTED_TREE_REGRESSOR',
    LOCATION = 'oss://oss-cn-shanghai-internal.aliyuncs.com/bucket/',
    ROLEARN = 'acs:ram::1:role/r'
)
COMMENT 'a\tb\n\\ \0 \Z';
CREATE MODEL IF NOT EXISTS p.s.`select` WITH VERSION `add`
OPTIONS (
    MODEL_SOURCE_TYPE = 'REMOTE',
    APIKEY = '${EAS_TOKEN}'
);
ALTER MODEL s.m ADD VERSION v2
INPUT (f1 int)
WITH OPTIONS (
    LOCATION = '\r\b'
)
COMMENT ' ';
ALTER MODEL m ADD VERSION v3
WITH OPTIONS ();
ALTER MODEL m SET DEFAULT_VERSION v2;
ALTER MODEL m DROP VERSION default_version;
DROP MODEL m;
DROP MODEL IF EXISTS bigdata_public_modelset.default.`qwen3-1.7b`;
SHOW MODELS;
SHOW VERSIONS FOR MODEL model;
DESC MODEL version;
SET a.b=c d;
