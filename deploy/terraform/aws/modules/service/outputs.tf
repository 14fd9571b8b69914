output "name" {
  description = "Name of the service in metrics."
  value       = aws_ecs_service.this.name
}
