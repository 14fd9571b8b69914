output "urls" {
  description = "Where to push images, by repository."
  value       = { for name, repository in aws_ecr_repository.this : name => repository.repository_url }
}

output "arns" {
  description = "The repositories, for policies."
  value       = [for repository in aws_ecr_repository.this : repository.arn]
}
