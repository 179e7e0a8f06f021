# The endpoint, for the tests of other projects: docker build -t odpsmodel .
FROM python:3.11-slim

COPY . /src
RUN pip install --no-cache-dir "/src[cli,server]" && rm -r /src \
    && useradd --system --uid 10001 --no-create-home odpsmodel \
    && install -d -o odpsmodel -g odpsmodel /data

USER odpsmodel
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=10s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/health')"]

# Other machines are served only with credentials, a file that is mounted or copied in.
ENTRYPOINT ["odpsmodel", "serve", "/data/models.db", "--host", "0.0.0.0", "--port", "8080"]
CMD ["--credentials", "/etc/odpsmodel/credentials.toml"]
