output "vpc_id" {
  description = "The network."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "Subnets of the load balancer, by zone."
  value       = { for zone, subnet in aws_subnet.public : zone => subnet.id }
}

output "public_cidrs" {
  description = "Addresses that the load balancer calls from."
  value       = [for subnet in aws_subnet.public : subnet.cidr_block]
}

output "private_subnet_ids" {
  description = "Subnets of tasks, by zone."
  value       = { for zone, subnet in aws_subnet.private : zone => subnet.id }
}

output "data_subnet_ids" {
  description = "Subnets of PostgreSQL, Redis and files, by zone."
  value       = { for zone, subnet in aws_subnet.data : zone => subnet.id }
}

output "s3_prefix_list_id" {
  description = "Addresses of S3, for the rules of security groups."
  value       = aws_vpc_endpoint.s3.prefix_list_id
}
