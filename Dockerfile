# Not built yet: no container tool was at hand when this was written. To build and run:
#   docker build -t molmeta .
#   docker run --rm -v "$PWD:/data" molmeta screen --support measured.csv --library library.smi \
#     --output ranked.csv
FROM python:3.11-slim

# For the drawings of RDKit.
RUN apt-get update && apt-get install --yes --no-install-recommends libxrender1 libxext6 libexpat1 \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/molmeta
COPY . .
RUN pip install --no-cache-dir torch --index-url https://download.pytorch.org/whl/cpu \
    && pip install --no-cache-dir -c constraints.txt '.[all]'
ENV OMP_NUM_THREADS=1
RUN useradd --create-home molmeta
USER molmeta
WORKDIR /data
ENTRYPOINT ["molmeta"]
