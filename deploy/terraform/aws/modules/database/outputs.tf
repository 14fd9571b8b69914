output "host" {
  description = "Name of the server; after a failover it leads to the former standby."
  value       = aws_db_instance.this.address
}

output "identifier" {
  description = "Name of the instance, for alarms."
  value       = aws_db_instance.this.identifier
}

output "master_secret_arn" {
  description = "The secret with the user name and password of the master user."
  value       = aws_db_instance.this.master_user_secret[0].secret_arn
}
