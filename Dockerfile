# The splash alone, model inside: no torch, no apt, an ordinary user, a read-only file system if you like.
#   docker build -t balloon-splash .
#   docker run --rm --read-only -v "$PWD:/photos" balloon-splash --input /photos/photo.jpg --output /photos/
# With LOCK=requirements-serve.lock it can serve, too: docs/serve.md.
FROM python:3.11-slim AS build
WORKDIR /build
ARG LOCK=requirements.lock
COPY requirements.lock requirements-serve.lock requirements-headless.lock ./
RUN python -m venv /opt/splash
RUN /opt/splash/bin/python -m pip install --no-cache-dir --require-hashes -r ${LOCK}
# OpenCV without windows: the other one looks for libraries of a screen.
RUN /opt/splash/bin/python -m pip uninstall --yes opencv-python
RUN /opt/splash/bin/python -m pip install --no-cache-dir --no-deps --require-hashes -r requirements-headless.lock
COPY setup.py README.md ./
COPY balloon_splash balloon_splash
COPY configs configs
RUN /opt/splash/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
COPY --from=build /opt/splash /opt/splash
USER 1000
WORKDIR /photos
# A volume here keeps compiled models for the next container.
ENV BALLOON_SPLASH_CACHE=/tmp/balloon-splash PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["/opt/splash/bin/balloon-splash", "splash"]
