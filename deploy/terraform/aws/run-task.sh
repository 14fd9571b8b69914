#!/usr/bin/env bash
# Runs a task of the example once, waits for it, and ends with its exit code: run-task.sh bootstrap|migrate|rights. It reads the
# outputs of the Terraform directory that it is started in, and needs the AWS CLI and jq.
set -euo pipefail

name=${1:?usage: run-task.sh bootstrap|migrate|rights}
once=$(terraform output -json once)
of() { jq -er --arg name "$name" "$1" <<<"$once"; }
cluster=$(of .cluster)
family=$(of '.families[$name] // error("there is no task \($name)")')
network=$(of '"awsvpcConfiguration={subnets=[\(.subnets | join(","))],securityGroups=[\(.security_group)],assignPublicIp=DISABLED}"')

arn=$(aws ecs run-task --cluster "$cluster" --launch-type FARGATE --task-definition "$family" \
  --network-configuration "$network" --query 'tasks[0].taskArn' --output text)
if [ "$arn" = None ]; then
  echo "$name was not started: see the output of aws ecs run-task --task-definition $family" >&2
  exit 1
fi
echo "$name: $arn" >&2

# Not `aws ecs wait`, which gives up after ten minutes: a migration may take longer.
described() { aws ecs describe-tasks --cluster "$cluster" --tasks "$arn" --query 'tasks[0]' --output json; }
ended=$(described)
until [ "$(jq -r .lastStatus <<<"$ended")" = STOPPED ]; do
  sleep 5
  ended=$(described)
done
code=$(jq -r --arg name "$name" '.containers[] | select(.name == $name) | .exitCode // 1' <<<"$ended")
if [ "$code" != 0 ]; then
  jq -r '"\(.stoppedReason // ""): \(.containers[] | "\(.name) \(.reason // "") exit code \(.exitCode // "none")")"' <<<"$ended" >&2
fi
exit "$code"
