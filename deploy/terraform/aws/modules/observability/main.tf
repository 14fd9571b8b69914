# The daemons serve Prometheus metrics and export nothing by OpenTelemetry. A collector beside each of them scrapes /metrics and
# sends everything to Managed Prometheus, where the project's own alerts run, and a few series to CloudWatch, for autoscaling and
# for alarms that have to work when Prometheus does not.
locals {
  namespace = "StellarIndex"
  cloudwatch_series = [
    "stellarindex_control_oldest_due_seconds",
    "stellarindex_gateway_journal_age_seconds",
    "stellarindex_gateway_journal_records",
  ]

  collectors = {
    for name, port in var.ops_ports : name => {
      extensions = { sigv4auth = { region = var.region, service = "aps" } }
      receivers = {
        prometheus = {
          config = {
            scrape_configs = [{
              job_name        = "stellarindex-${name}"
              scrape_interval = "30s"
              scrape_timeout  = "10s"
              static_configs = [{
                targets = ["127.0.0.1:${port}"]
                # Of all tasks the target has the same address; the name of the host tells them apart.
                labels = { instance = "$${env:HOSTNAME}", service = name }
              }]
            }]
          }
        }
      }
      processors = {
        batch = {}
        filter = {
          metrics = { include = { match_type = "strict", metric_names = local.cloudwatch_series } }
        }
      }
      exporters = {
        prometheusremotewrite = {
          endpoint            = "${aws_prometheus_workspace.this.prometheus_endpoint}api/v1/remote_write"
          auth                = { authenticator = "sigv4auth" }
          add_metric_suffixes = false
        }
        awsemf = {
          region                  = var.region
          namespace               = local.namespace
          log_group_name          = aws_cloudwatch_log_group.metrics.name
          log_stream_name         = "$${env:HOSTNAME}"
          dimension_rollup_option = "NoDimensionRollup"
          metric_declarations     = [{ dimensions = [["service"]], metric_name_selectors = ["^stellarindex_"] }]
        }
      }
      service = {
        extensions = ["sigv4auth"]
        pipelines = {
          "metrics/prometheus" = { receivers = ["prometheus"], processors = ["batch"], exporters = ["prometheusremotewrite"] }
          "metrics/cloudwatch" = { receivers = ["prometheus"], processors = ["filter", "batch"], exporters = ["awsemf"] }
        }
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "metrics" {
  name              = "/${var.name}/metrics"
  retention_in_days = var.log_days
}

resource "aws_prometheus_workspace" "this" {
  alias = var.name
}

resource "aws_prometheus_rule_group_namespace" "this" {
  for_each     = var.rules
  name         = each.key
  workspace_id = aws_prometheus_workspace.this.id
  data         = each.value
}

resource "aws_prometheus_alert_manager_definition" "this" {
  workspace_id = aws_prometheus_workspace.this.id
  definition = yamlencode({
    alertmanager_config = yamlencode({
      route = { receiver = "operators", group_by = ["alertname"], group_wait = "30s", repeat_interval = "12h" }
      receivers = [{
        name        = "operators"
        sns_configs = [{ topic_arn = aws_sns_topic.alarms.arn, sigv4 = { region = var.region } }]
      }]
    })
  })
  depends_on = [aws_sns_topic_policy.alarms]
}

data "aws_caller_identity" "current" {}

resource "aws_sns_topic" "alarms" {
  name = "${var.name}-alarms"
}

data "aws_iam_policy_document" "alarms" {
  statement {
    sid       = "Alarms"
    actions   = ["sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["cloudwatch.amazonaws.com"]
    }

    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }

  statement {
    sid       = "Alerts"
    actions   = ["sns:GetTopicAttributes", "sns:Publish"]
    resources = [aws_sns_topic.alarms.arn]

    principals {
      type        = "Service"
      identifiers = ["aps.amazonaws.com"]
    }

    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_prometheus_workspace.this.arn]
    }
  }
}

resource "aws_sns_topic_policy" "alarms" {
  arn    = aws_sns_topic.alarms.arn
  policy = data.aws_iam_policy_document.alarms.json
}

resource "aws_sns_topic_subscription" "email" {
  count     = var.email == "" ? 0 : 1
  topic_arn = aws_sns_topic.alarms.arn
  protocol  = "email"
  endpoint  = var.email
}
