FROM apache/airflow:3.3.2

# A named volume takes its owner from the folder it covers; Docker would make this one as root.
RUN mkdir -p /opt/airflow/staging

# The lock that `make` installs from, too. The build fails if it does not fit what else the base image brings.
COPY requirements.lock /tmp/
RUN pip install --no-cache-dir --require-hashes -r /tmp/requirements.lock && pip check
