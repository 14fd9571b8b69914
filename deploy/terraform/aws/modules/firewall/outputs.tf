output "security_group_ids" {
  description = "The security group of each part, by name."
  value       = { for name, group in aws_security_group.this : name => group.id }
}
