output "load_balancer_dns_name" {
  description = "What `api_host` and `gateway_host` have to lead to."
  value       = module.load_balancer.dns_name
}

output "repository_urls" {
  description = "Where to push images."
  value       = module.registry.urls
}

output "database_host" {
  description = "The database server, for decoders in the network."
  value       = module.database.host
}

output "key_list_arns" {
  description = "The secrets to put the lists of keys into."
  value       = module.secrets.key_list_arns
}

output "prometheus_endpoint" {
  description = "Address of Prometheus, for Grafana."
  value       = module.observability.workspace_endpoint
}

output "alarm_topic_arn" {
  description = "Where alarms and alerts are sent to."
  value       = module.observability.topic_arn
}

output "archive_bucket" {
  description = "The archive."
  value       = module.archive.bucket
}

# For ../run-task.sh.
output "once" {
  description = "How to run a task once."
  value = {
    cluster        = module.cluster.name
    subnets        = values(module.network.private_subnet_ids)
    security_group = module.firewall.security_group_ids["once"]
    families       = { for name, task in module.once : name => task.family }
  }
}
