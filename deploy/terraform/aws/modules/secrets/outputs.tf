output "password_arns" {
  description = "The secret with the password of each role."
  value       = { for role, secret in aws_secretsmanager_secret.role : role => secret.arn }
  depends_on  = [aws_secretsmanager_secret_version.role]
}

output "key_list_arns" {
  description = "The secret with each list of keys."
  value       = { for list, secret in aws_secretsmanager_secret.keys : list => secret.arn }
  depends_on  = [aws_secretsmanager_secret_version.keys]
}
