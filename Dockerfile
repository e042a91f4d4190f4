# Vesalius with its models, on the CPU. `make image` builds it; then, in a folder with scans:
#   docker run --rm --network none --user "$(id -u):$(id -g)" -v "$PWD:/data" vesalius inspect study/
# PyTorch comes from the index of pip, for Linux with libraries of CUDA. For a smaller image name an index of CPU builds:
#   make image IMAGE_ARGS='--build-arg PIP_EXTRA_INDEX_URL=ADDRESS'
# The image holds the av wheel with GPL encoders: read docs/platforms.md before you give it to others.

FROM python:3.12-slim AS wheel
WORKDIR /build
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN pip wheel --no-cache-dir --no-deps --wheel-dir dist .

FROM python:3.12-slim
ARG EXTRAS=nets,dicom,onnx,search,project,features,text
ARG PIP_EXTRA_INDEX_URL
COPY constraints.txt /build/
COPY --from=wheel /build/dist /build/dist
RUN pip install --no-cache-dir -c /build/constraints.txt "$(echo /build/dist/*.whl)[$EXTRAS]"
# Caches lie where any user may write; models of your own are found below /data/models.
ENV MPLCONFIGDIR=/tmp/matplotlib NUMBA_CACHE_DIR=/tmp/numba XDG_CACHE_HOME=/tmp/cache VESALIUS_MODELS=/data/models
RUN useradd --create-home --uid 1000 vesalius
USER vesalius
WORKDIR /data
ENTRYPOINT ["vesalius"]
CMD ["--help"]
