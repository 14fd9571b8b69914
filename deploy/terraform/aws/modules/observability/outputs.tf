output "collector_configurations" {
  description = "Configuration of the collector beside each daemon, by daemon."
  value       = { for name, configuration in local.collectors : name => yamlencode(configuration) }
}

output "workspace_arn" {
  description = "Where metrics are written to."
  value       = aws_prometheus_workspace.this.arn
}

output "workspace_endpoint" {
  description = "Address of Prometheus, for Grafana."
  value       = aws_prometheus_workspace.this.prometheus_endpoint
}

output "metrics_log_group_arn" {
  description = "Where the collector writes what CloudWatch reads metrics from."
  value       = aws_cloudwatch_log_group.metrics.arn
}

output "topic_arn" {
  description = "Where alarms are sent to."
  value       = aws_sns_topic.alarms.arn
}
