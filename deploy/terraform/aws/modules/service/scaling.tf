resource "aws_appautoscaling_target" "this" {
  count              = var.max > var.min ? 1 : 0
  service_namespace  = "ecs"
  resource_id        = "service/${var.cluster.name}/${aws_ecs_service.this.name}"
  scalable_dimension = "ecs:service:DesiredCount"
  min_capacity       = var.min
  max_capacity       = var.max
}

resource "aws_appautoscaling_policy" "cpu" {
  count              = var.max > var.min && var.scale_by == "cpu" ? 1 : 0
  name               = "${var.prefix}-${var.name}-cpu"
  policy_type        = "TargetTrackingScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  resource_id        = aws_appautoscaling_target.this[0].resource_id
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension

  target_tracking_scaling_policy_configuration {
    target_value       = 60
    scale_in_cooldown  = 300
    scale_out_cooldown = 60

    predefined_metric_specification {
      predefined_metric_type = "ECSServiceAverageCPUUtilization"
    }
  }
}

locals {
  # The age does not fall in proportion to the number of workers, so that one is added or taken away at a time.
  steps = var.max > var.min && var.scale_by == "backlog" ? {
    more  = { change = 1, operator = "GreaterThanThreshold", seconds = 300, minutes = 5, cooldown = 300 }
    fewer = { change = -1, operator = "LessThanThreshold", seconds = 30, minutes = 15, cooldown = 900 }
  } : {}
}

resource "aws_appautoscaling_policy" "backlog" {
  for_each           = local.steps
  name               = "${var.prefix}-${var.name}-${each.key}"
  policy_type        = "StepScaling"
  service_namespace  = aws_appautoscaling_target.this[0].service_namespace
  resource_id        = aws_appautoscaling_target.this[0].resource_id
  scalable_dimension = aws_appautoscaling_target.this[0].scalable_dimension

  step_scaling_policy_configuration {
    adjustment_type         = "ChangeInCapacity"
    metric_aggregation_type = "Maximum"
    cooldown                = each.value.cooldown

    step_adjustment {
      scaling_adjustment          = each.value.change
      metric_interval_lower_bound = each.value.change > 0 ? "0" : null
      metric_interval_upper_bound = each.value.change > 0 ? null : "0"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "backlog" {
  for_each            = local.steps
  alarm_name          = "${var.prefix}-${var.name}-${each.key}"
  alarm_description   = "Changes the number of workers by ${each.value.change}; nobody has to do anything."
  namespace           = "StellarIndex"
  metric_name         = "stellarindex_control_oldest_due_seconds"
  dimensions          = { service = "control" }
  statistic           = "Maximum"
  period              = 60
  evaluation_periods  = each.value.minutes
  comparison_operator = each.value.operator
  threshold           = each.value.seconds
  treat_missing_data  = "notBreaching"
  alarm_actions       = [aws_appautoscaling_policy.backlog[each.key].arn]
}
