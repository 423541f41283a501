# sam4mis with its harness, from the lock file. Build it with `make container`; how it is used stands in
# site/docs/campaign.md. CUDA comes with torch's wheels: the host needs a driver, the image no CUDA base.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
FROM ${BASE}

# Git says in every result which commit ran. Its version makes no number.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install -y --no-install-recommends git ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && git config --system --add safe.directory /opt/sam4mis \
 && mkdir -m 1777 /cache /data /work

COPY requirements/reproduce.lock /opt/reproduce.lock
RUN python3 -m venv /opt/venv \
 && /opt/venv/bin/python -m pip install --no-cache-dir --require-hashes -r /opt/reproduce.lock

COPY . /opt/sam4mis
RUN /opt/venv/bin/python -m pip install --no-cache-dir --no-deps --editable /opt/sam4mis

# The registry is the one of the image until another is named: SAM4MIS_ROOT=/work for a clone mounted there.
ENV PATH=/opt/venv/bin:$PATH \
    SAM4MIS_ROOT=/opt/sam4mis \
    SAM4MIS_CACHE=/cache \
    SAM4MIS_DATA=/data
WORKDIR /work
ENTRYPOINT ["sam4mis"]
CMD ["--help"]
