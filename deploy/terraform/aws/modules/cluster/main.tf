resource "aws_ecs_cluster" "this" {
  name = var.name

  # Tells how many tasks of each service run, for alarms.
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_cluster_capacity_providers" "this" {
  cluster_name       = aws_ecs_cluster.this.name
  capacity_providers = ["FARGATE"]
}

resource "aws_service_discovery_private_dns_namespace" "this" {
  name = var.domain
  vpc  = var.vpc_id
}
