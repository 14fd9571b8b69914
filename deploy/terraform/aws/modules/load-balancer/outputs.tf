output "dns_name" {
  description = "What the host names of `routes` have to lead to (CNAME or alias)."
  value       = aws_lb.this.dns_name
  depends_on  = [aws_lb_listener_rule.this]
}

output "arn_suffix" {
  description = "Name of the load balancer in metrics."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arns" {
  description = "Where services register their tasks, by route."
  value       = { for name, group in aws_lb_target_group.this : name => group.arn }
  depends_on  = [aws_lb_listener_rule.this]
}

output "target_group_suffixes" {
  description = "Names of the target groups in metrics, by route."
  value       = { for name, group in aws_lb_target_group.this : name => group.arn_suffix }
}
