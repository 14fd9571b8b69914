locals {
  full_name = "${var.prefix}-${var.name}"

  log_options = {
    "awslogs-group"         = aws_cloudwatch_log_group.this.name
    "awslogs-region"        = var.region
    "awslogs-stream-prefix" = var.name
    # A daemon does not wait for CloudWatch: what does not fit into the buffer is lost.
    "mode"            = "non-blocking"
    "max-buffer-size" = "8m"
  }

  # A new volume belongs to root, and the program runs as another user: this container writes the file, and ends.
  certificates = {
    name                   = "certificates"
    image                  = var.program_image
    essential              = false
    user                   = "0:0"
    readonlyRootFilesystem = true
    entryPoint             = ["node", "-e"]
    command                = ["require('node:fs').writeFileSync('/certificates/database.pem', process.env.DATABASE_CA_PEM)"]
    environment            = [{ name = "DATABASE_CA_PEM", value = var.database_ca_pem }]
    mountPoints            = [{ sourceVolume = "certificates", containerPath = "/certificates", readOnly = false }]
    logConfiguration       = { logDriver = "awslogs", options = local.log_options }
  }

  main = {
    name                   = var.name
    image                  = var.image
    essential              = true
    readonlyRootFilesystem = true
    entryPoint             = var.entry_point
    command                = var.command
    stopTimeout            = var.stop_timeout
    linuxParameters        = { initProcessEnabled = true, capabilities = { drop = ["ALL"] } }
    dependsOn              = [{ containerName = "certificates", condition = "SUCCESS" }]
    environment            = [for name, value in var.environment : { name = name, value = value }]
    secrets                = [for name, arn in var.secrets : { name = name, valueFrom = arn }]
    portMappings           = [for port in [var.port, var.ops_port] : { containerPort = port, protocol = "tcp" } if port != null]
    logConfiguration       = { logDriver = "awslogs", options = local.log_options }
    mountPoints = concat(
      [{ sourceVolume = "certificates", containerPath = "/certificates", readOnly = true }],
      var.volume == null ? [] : [{ sourceVolume = "state", containerPath = "/var/lib/stellarindex", readOnly = false }],
    )
    # /healthz says that the process answers; whether it gets requests, the load balancer decides by /readyz.
    healthCheck = var.ops_port == null ? null : {
      command     = ["CMD", "node", "-e", "fetch('http://127.0.0.1:${var.ops_port}/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
      interval    = 10
      timeout     = 5
      retries     = 3
      startPeriod = 300
    }
  }

  # It may end without ending the daemon, and is started again.
  collector = var.metrics == null ? [] : [{
    name                   = "collector"
    image                  = var.metrics.image
    essential              = false
    readonlyRootFilesystem = true
    cpu                    = 64
    memory                 = 192
    restartPolicy          = { enabled = true }
    environment            = [{ name = "AOT_CONFIG_CONTENT", value = var.metrics.configuration }]
    logConfiguration       = { logDriver = "awslogs", options = local.log_options }
  }]
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/${var.prefix}/${var.name}"
  retention_in_days = var.log_days
}

resource "aws_ecs_task_definition" "this" {
  family                   = local.full_name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = tostring(var.cpu)
  memory                   = tostring(var.memory)
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn
  container_definitions    = jsonencode(concat([local.certificates, local.main], local.collector))

  runtime_platform {
    cpu_architecture        = "X86_64"
    operating_system_family = "LINUX"
  }

  volume {
    name = "certificates"
  }

  dynamic "volume" {
    for_each = var.volume == null ? [] : [var.volume]

    content {
      name = "state"

      efs_volume_configuration {
        file_system_id     = volume.value.file_system_id
        transit_encryption = "ENABLED"

        authorization_config {
          access_point_id = volume.value.access_point_id
          iam             = "ENABLED"
        }
      }
    }
  }
}
