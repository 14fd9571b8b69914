# What runs once, by ../run-task.sh: `bootstrap` makes the owner and its database, `migrate` the tables, `rights` the other roles.
locals {
  psql = ["printf '%s\\n' \"$SQL\" | psql -X -q"]

  server = {
    PGHOST        = module.database.host
    PGSSLMODE     = "verify-full"
    PGSSLROOTCERT = "/certificates/database.pem"
  }

  # The master user, whose password RDS changes by itself.
  master = {
    PGUSER     = "${module.database.master_secret_arn}:username::"
    PGPASSWORD = "${module.database.master_secret_arn}:password::"
  }

  once = {
    bootstrap = {
      image       = local.images.psql
      entry_point = ["sh", "-c"]
      command     = local.psql
      environment = merge(local.server, { PGDATABASE = "postgres", SQL = file("${path.module}/../../../postgresql/owner.sql") })
      secrets     = merge(local.master, { OWNER_PASSWORD = module.secrets.password_arns["owner"] })
    }

    migrate = {
      image       = local.images.program
      entry_point = null
      command     = ["migrate", "up"]
      environment = merge(local.settings, var.settings, { STELLARINDEX_DATABASE_URL = local.database_urls["owner"] })
      secrets     = { PGPASSWORD = module.secrets.password_arns["owner"] }
    }

    rights = {
      image       = local.images.psql
      entry_point = ["sh", "-c"]
      command     = local.psql
      environment = merge(local.server, { PGDATABASE = "stellarindex", SQL = file("${path.module}/../../../postgresql/rights.sql") })
      secrets = merge(local.master, {
        READER_PASSWORD  = module.secrets.password_arns["reader"]
        DECODER_PASSWORD = module.secrets.password_arns["decoder"]
        CONTROL_PASSWORD = module.secrets.password_arns["control"]
        GATEWAY_PASSWORD = module.secrets.password_arns["gateway"]
        DELIVER_PASSWORD = module.secrets.password_arns["deliver"]
      })
    }
  }
}

module "once" {
  source          = "../modules/task"
  for_each        = local.once
  name            = each.key
  prefix          = var.name
  region          = var.region
  program_image   = local.images.program
  image           = each.value.image
  repository_arns = local.repository_arns
  entry_point     = each.value.entry_point
  command         = each.value.command
  environment     = each.value.environment
  secrets         = each.value.secrets
  port            = null
  ops_port        = null
  cpu             = 256
  memory          = 512
  stop_timeout    = 120
  volume          = null
  archive_arn     = null
  database_ca_pem = local.database_ca_pem
  metrics         = null
  log_days        = var.log_days
}
