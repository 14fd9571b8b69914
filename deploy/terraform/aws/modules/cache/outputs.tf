output "url_secret_arn" {
  description = "The secret with the URL."
  value       = aws_secretsmanager_secret.url.arn
  depends_on  = [aws_secretsmanager_secret_version.url]
}

output "member_ids" {
  description = "The servers, for alarms."
  value       = aws_elasticache_replication_group.this.member_clusters
}
