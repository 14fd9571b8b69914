#!/usr/bin/env bash
# Prepares the Terraform directory that it is started in, as the workflows need it: writes terraform.tfvars from TFVARS, fetches the
# certificates of RDS to the file that it names, and initialises the state in STATE_BUCKET.
set -euo pipefail

: "${TFVARS:?the content of terraform.tfvars}" "${STATE_BUCKET:?the bucket of the state}" "${AWS_REGION:?the region}"
printf '%s\n' "$TFVARS" >terraform.tfvars
file=$(sed -n 's/^database_ca_file *= *"\(.*\)"$/\1/p' terraform.tfvars)
curl --fail --silent --show-error --output "${file:?terraform.tfvars has no database_ca_file}" \
  "https://truststore.pki.rds.amazonaws.com/$AWS_REGION/$AWS_REGION-bundle.pem"
terraform init -input=false -backend-config="bucket=$STATE_BUCKET" -backend-config="region=$AWS_REGION"
