# What runs: one entry for each daemon. Ports are those of docs/operations.md.
locals {
  daemons = {
    api = {
      command = ["api"]
      role    = "reader"
      environment = {
        STELLARINDEX_API_LISTEN                = "0.0.0.0:8080"
        STELLARINDEX_API_OPS_LISTEN            = "0.0.0.0:9102"
        STELLARINDEX_API_TRUSTED_PROXIES       = join(",", module.network.public_cidrs)
        STELLARINDEX_API_RATE_LIMIT_PER_MINUTE = "600"
      }
      secrets = {
        STELLARINDEX_REDIS_URL = module.cache.url_secret_arn
        STELLARINDEX_API_KEYS  = module.secrets.key_list_arns["api"]
      }
      port     = 8080
      ops_port = 9102
      cpu      = 512
      memory   = 1024
      stop     = 30
      min      = 2
      max      = 8
      scale_by = "cpu"
    }

    aggregator = {
      command     = ["aggregator"]
      role        = "reader"
      environment = { STELLARINDEX_AGGREGATE_OPS_LISTEN = "0.0.0.0:9101" }
      secrets     = { STELLARINDEX_REDIS_URL = module.cache.url_secret_arn }
      port        = null
      ops_port    = 9101
      cpu         = 512
      memory      = 1024
      stop        = 40
      min         = 2
      max         = 4
      scale_by    = "cpu"
    }

    control = {
      command = ["control"]
      role    = "control"
      environment = {
        STELLARINDEX_CONTROL_LISTEN     = "0.0.0.0:8090"
        STELLARINDEX_CONTROL_OPS_LISTEN = "0.0.0.0:9103"
        # Without TimescaleDB this is what applies the retention.
        STELLARINDEX_CONTROL_SCHEDULES = "[{ name = \"prune\", kind = \"retention.prune\", cron = \"17 3 * * *\", jitter = \"15m\" }]"
      }
      secrets  = { STELLARINDEX_CONTROL_KEYS = module.secrets.key_list_arns["control"] }
      port     = 8090
      ops_port = 9103
      cpu      = 512
      memory   = 1024
      stop     = 30
      min      = 2
      max      = 2
      scale_by = "cpu"
    }

    gateway = {
      command = ["gateway"]
      role    = "gateway"
      environment = {
        STELLARINDEX_GATEWAY_LISTEN         = "0.0.0.0:8070"
        STELLARINDEX_GATEWAY_OPS_LISTEN     = "0.0.0.0:9104"
        STELLARINDEX_GATEWAY_JOURNAL        = "/var/lib/stellarindex/journal"
        STELLARINDEX_GATEWAY_JOURNAL_MAX_MB = "1024"
      }
      secrets  = { STELLARINDEX_GATEWAY_KEYS = module.secrets.key_list_arns["gateway"] }
      port     = 8070
      ops_port = 9104
      cpu      = 512
      memory   = 1024
      stop     = 40
      # Of each of the two: they have a journal each.
      min      = 1
      max      = 1
      scale_by = "cpu"
    }

    # It prunes and repairs the tables, which only their owner may.
    worker = {
      command     = ["worker", "--ops-listen", "0.0.0.0:9105"]
      role        = "owner"
      environment = { STELLARINDEX_CONTROL_ARTIFACTS = "/var/lib/stellarindex/artifacts" }
      secrets     = {}
      port        = null
      ops_port    = 9105
      cpu         = 512
      memory      = 1024
      stop        = 30
      min         = 2
      max         = 4
      scale_by    = "backlog"
    }

    # Deliveries are jobs of the ledger. It calls receivers on the internet.
    deliver = {
      command     = ["deliver"]
      role        = "deliver"
      environment = { STELLARINDEX_DELIVER_OPS_LISTEN = "0.0.0.0:9106" }
      secrets     = { STELLARINDEX_REDIS_URL = module.cache.url_secret_arn }
      port        = null
      ops_port    = 9106
      cpu         = 512
      memory      = 1024
      stop        = 30
      min         = 2
      max         = 4
      scale_by    = "cpu"
    }
  }

  settings = {
    # RDS has no TimescaleDB.
    STELLARINDEX_DATABASE_TIMESCALEDB      = "off"
    STELLARINDEX_DATABASE_RETENTION_TRADES = "2160h"
    STELLARINDEX_AGGREGATE_REPLICAS        = "shared"
  }

  # Without a password, which comes as PGPASSWORD.
  database_urls = {
    for role in ["owner", "reader", "control", "gateway", "deliver"] :
    role => "postgres://stellarindex_${role}@${module.database.host}:5432/stellarindex?sslmode=verify-full&sslrootcert=/certificates/database.pem"
  }

  images = {
    program   = "${module.registry.urls["stellarindex"]}:${var.image_tag}"
    collector = "${module.registry.urls["collector"]}:${var.collector_tag}"
    psql      = "${module.registry.urls["psql"]}:${var.psql_tag}"
  }
  repository_arns = module.registry.arns
  database_ca_pem = file(var.database_ca_file)

  # Gateways have a service each, with a directory of their own.
  daemon_tasks = merge(
    { for name, daemon in local.daemons : name => merge(daemon, { daemon = name, directory = name == "worker" ? "artifacts" : null }) if name != "gateway" },
    { for name in ["gateway-a", "gateway-b"] : name => merge(local.daemons.gateway, { daemon = "gateway", directory = name }) },
  )
  services  = { for name, daemon in local.daemons : name => daemon if var.running && name != "gateway" }
  gateways  = var.running ? 1 : 0
  min_tasks = merge({ for name, daemon in local.services : name => daemon.min }, var.running ? { gateway-a = 1, gateway-b = 1 } : {})
}

module "task" {
  source          = "../modules/task"
  for_each        = local.daemon_tasks
  name            = each.key
  prefix          = var.name
  region          = var.region
  program_image   = local.images.program
  image           = local.images.program
  repository_arns = local.repository_arns
  entry_point     = null
  command         = each.value.command
  environment     = merge(local.settings, each.value.environment, { STELLARINDEX_DATABASE_URL = local.database_urls[each.value.role] }, var.settings)
  secrets         = merge(each.value.secrets, { PGPASSWORD = module.secrets.password_arns[each.value.role] })
  port            = each.value.port
  ops_port        = each.value.ops_port
  cpu             = each.value.cpu
  memory          = each.value.memory
  stop_timeout    = each.value.stop
  volume          = each.value.directory == null ? null : module.files.volumes[each.value.directory]
  archive_arn     = each.value.daemon == "deliver" ? module.archive.arn : null
  database_ca_pem = local.database_ca_pem
  log_days        = var.log_days
  metrics = {
    image         = local.images.collector
    configuration = module.observability.collector_configurations[each.value.daemon]
    workspace_arn = module.observability.workspace_arn
    log_group_arn = module.observability.metrics_log_group_arn
  }
}

module "service" {
  source              = "../modules/service"
  for_each            = local.services
  name                = each.key
  prefix              = var.name
  cluster             = { arn = module.cluster.arn, name = module.cluster.name }
  task_definition_arn = module.task[each.key].definition_arn
  subnet_ids          = values(module.network.private_subnet_ids)
  security_group_id   = module.firewall.security_group_ids[each.key]
  min                 = each.value.min
  max                 = each.value.max
  scale_by            = each.value.scale_by
  replace_in_place    = false
  target_group_arn    = each.key == "api" ? module.load_balancer.target_group_arns["api"] : null
  port                = each.value.port
  namespace_id        = each.key == "control" ? module.cluster.namespace_id : null
  grace_seconds       = 60
  depends_on          = [module.endpoints]
}

# One after the other, so that one of them takes trades at any time.
module "gateway_a" {
  source              = "../modules/service"
  count               = local.gateways
  name                = "gateway-a"
  prefix              = var.name
  cluster             = { arn = module.cluster.arn, name = module.cluster.name }
  task_definition_arn = module.task["gateway-a"].definition_arn
  subnet_ids          = [module.network.private_subnet_ids[var.zones[0]]]
  security_group_id   = module.firewall.security_group_ids["gateway"]
  min                 = local.daemons.gateway.min
  max                 = local.daemons.gateway.max
  scale_by            = local.daemons.gateway.scale_by
  replace_in_place    = true
  target_group_arn    = module.load_balancer.target_group_arns["gateway"]
  port                = local.daemons.gateway.port
  namespace_id        = null
  grace_seconds       = 300
  depends_on          = [module.endpoints]
}

module "gateway_b" {
  source              = "../modules/service"
  count               = local.gateways
  name                = "gateway-b"
  prefix              = var.name
  cluster             = { arn = module.cluster.arn, name = module.cluster.name }
  task_definition_arn = module.task["gateway-b"].definition_arn
  subnet_ids          = [module.network.private_subnet_ids[var.zones[1]]]
  security_group_id   = module.firewall.security_group_ids["gateway"]
  min                 = local.daemons.gateway.min
  max                 = local.daemons.gateway.max
  scale_by            = local.daemons.gateway.scale_by
  replace_in_place    = true
  target_group_arn    = module.load_balancer.target_group_arns["gateway"]
  port                = local.daemons.gateway.port
  namespace_id        = null
  grace_seconds       = 300
  depends_on          = [module.gateway_a]
}
