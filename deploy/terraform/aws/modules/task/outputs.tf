output "definition_arn" {
  description = "The newest revision of the task."
  value       = aws_ecs_task_definition.this.arn
  depends_on  = [aws_iam_role_policy.execution, aws_iam_role_policy.task]
}

output "family" {
  description = "Name of the task without its revision."
  value       = aws_ecs_task_definition.this.family
}
