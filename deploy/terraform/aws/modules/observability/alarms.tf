# What the services of AWS report. What the program reports has alerts and runbooks of its own: deploy/monitoring/rules.
locals {
  single = {
    api-errors = {
      text       = "The API answers with errors, or the load balancer cannot reach it: docs/runbooks/api_error_rate.md"
      namespace  = "AWS/ApplicationELB"
      metric     = "HTTPCode_Target_5XX_Count"
      dimensions = { LoadBalancer = var.load_balancer }
      statistic  = "Sum", operator = "GreaterThanThreshold", threshold = 20, minutes = 5, missing = "notBreaching"
    }
    no-target = {
      text       = "The load balancer answers by itself, because no task does."
      namespace  = "AWS/ApplicationELB"
      metric     = "HTTPCode_ELB_5XX_Count"
      dimensions = { LoadBalancer = var.load_balancer }
      statistic  = "Sum", operator = "GreaterThanThreshold", threshold = 20, minutes = 5, missing = "notBreaching"
    }
    database-cpu = {
      text       = "The database is busy: docs/scaling.md"
      namespace  = "AWS/RDS"
      metric     = "CPUUtilization"
      dimensions = { DBInstanceIdentifier = var.database }
      statistic  = "Average", operator = "GreaterThanThreshold", threshold = 80, minutes = 15, missing = "breaching"
    }
    database-disk = {
      text       = "Less than a fifth of the first size of the database's disk is free. It grows by itself up to its limit: raise that, or keep raw trades for a shorter time."
      namespace  = "AWS/RDS"
      metric     = "FreeStorageSpace"
      dimensions = { DBInstanceIdentifier = var.database }
      statistic  = "Minimum", operator = "LessThanThreshold", threshold = var.database_storage_gb * 1073741824 / 5, minutes = 10, missing = "breaching"
    }
    database-memory = {
      text       = "The database has less than 256 MiB of free memory."
      namespace  = "AWS/RDS"
      metric     = "FreeableMemory"
      dimensions = { DBInstanceIdentifier = var.database }
      statistic  = "Minimum", operator = "LessThanThreshold", threshold = 268435456, minutes = 15, missing = "breaching"
    }
    journal-age = {
      text       = "Acknowledged trades have waited for the database for a minute: docs/runbooks/gateway_journal_old.md"
      namespace  = local.namespace
      metric     = "stellarindex_gateway_journal_age_seconds"
      dimensions = { service = "gateway" }
      statistic  = "Maximum", operator = "GreaterThanThreshold", threshold = 60, minutes = 3, missing = length(var.min_tasks) > 0 ? "breaching" : "notBreaching"
    }
  }

  targets = {
    for route, group in var.target_groups : "${route}-unhealthy" => {
      text       = "A task of ${route} is not ready."
      namespace  = "AWS/ApplicationELB"
      metric     = "UnHealthyHostCount"
      dimensions = { LoadBalancer = var.load_balancer, TargetGroup = group }
      statistic  = "Maximum", operator = "GreaterThanThreshold", threshold = 0, minutes = 5, missing = "notBreaching"
    }
  }

  # Also where no task runs, of which Prometheus would know nothing.
  tasks = {
    for service, count in var.min_tasks : "${service}-tasks" => {
      text       = "Fewer than ${count} tasks of ${service} run; the events of the service and the logs of its last task say why."
      namespace  = "ECS/ContainerInsights"
      metric     = "RunningTaskCount"
      dimensions = { ClusterName = var.cluster_name, ServiceName = service }
      statistic  = "Minimum", operator = "LessThanThreshold", threshold = count, minutes = 10, missing = "breaching"
    }
  }

  redis_memory = {
    for number, member in var.redis_members : "redis-${number}-memory" => {
      text       = "Redis is nearly full; a full Redis refuses prices: docs/runbooks/aggregator_cache_write_errors.md"
      namespace  = "AWS/ElastiCache"
      metric     = "DatabaseMemoryUsagePercentage"
      dimensions = { CacheClusterId = member }
      statistic  = "Maximum", operator = "GreaterThanThreshold", threshold = 80, minutes = 5, missing = "breaching"
    }
  }

  redis_cpu = {
    for number, member in var.redis_members : "redis-${number}-cpu" => {
      text       = "Redis is busy: docs/scaling.md"
      namespace  = "AWS/ElastiCache"
      metric     = "EngineCPUUtilization"
      dimensions = { CacheClusterId = member }
      statistic  = "Maximum", operator = "GreaterThanThreshold", threshold = 80, minutes = 10, missing = "breaching"
    }
  }
}

resource "aws_cloudwatch_metric_alarm" "this" {
  for_each            = merge(local.single, local.targets, local.tasks, local.redis_memory, local.redis_cpu)
  alarm_name          = "${var.name}-${each.key}"
  alarm_description   = each.value.text
  namespace           = each.value.namespace
  metric_name         = each.value.metric
  dimensions          = each.value.dimensions
  statistic           = each.value.statistic
  comparison_operator = each.value.operator
  threshold           = each.value.threshold
  period              = 60
  evaluation_periods  = each.value.minutes
  treat_missing_data  = each.value.missing
  alarm_actions       = [aws_sns_topic.alarms.arn]
  ok_actions          = [aws_sns_topic.alarms.arn]
}
