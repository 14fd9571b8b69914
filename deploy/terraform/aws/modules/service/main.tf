resource "aws_service_discovery_service" "this" {
  count = var.namespace_id == null ? 0 : 1
  name  = var.name

  dns_config {
    namespace_id   = var.namespace_id
    routing_policy = "MULTIVALUE"

    dns_records {
      type = "A"
      ttl  = 10
    }
  }
}

resource "aws_ecs_service" "this" {
  name            = var.name
  cluster         = var.cluster.arn
  task_definition = var.task_definition_arn
  launch_type     = "FARGATE"
  desired_count   = var.min

  # The next service is replaced when this one runs again.
  wait_for_steady_state              = true
  deployment_minimum_healthy_percent = var.replace_in_place ? 0 : 100
  deployment_maximum_percent         = var.replace_in_place ? 100 : 200
  health_check_grace_period_seconds  = var.target_group_arn == null ? null : var.grace_seconds
  propagate_tags                     = "SERVICE"

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [var.security_group_id]
    assign_public_ip = false
  }

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  dynamic "load_balancer" {
    for_each = var.target_group_arn == null ? [] : [var.target_group_arn]

    content {
      target_group_arn = load_balancer.value
      container_name   = var.name
      container_port   = var.port
    }
  }

  dynamic "service_registries" {
    for_each = aws_service_discovery_service.this

    content {
      registry_arn = service_registries.value.arn
    }
  }

  lifecycle {
    # From then on autoscaling decides.
    ignore_changes = [desired_count]
  }
}
