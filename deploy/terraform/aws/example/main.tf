module "network" {
  source = "../modules/network"
  name   = var.name
  region = var.region
  cidr   = var.cidr
  zones  = var.zones
}

module "firewall" {
  source                            = "../modules/firewall"
  name                              = var.name
  vpc_id                            = module.network.vpc_id
  s3_prefix_list_id                 = module.network.s3_prefix_list_id
  client_cidrs                      = var.client_cidrs
  control_client_security_group_ids = var.control_client_security_group_ids
}

module "endpoints" {
  source            = "../modules/endpoints"
  name              = var.name
  region            = var.region
  vpc_id            = module.network.vpc_id
  subnet_ids        = values(module.network.private_subnet_ids)
  security_group_id = module.firewall.security_group_ids["endpoints"]
}

module "registry" {
  source       = "../modules/registry"
  name         = var.name
  repositories = ["stellarindex", "collector", "psql"]
}

module "secrets" {
  source           = "../modules/secrets"
  name             = var.name
  roles            = ["owner", "reader", "decoder", "control", "gateway", "deliver"]
  key_lists        = ["api", "control", "gateway"]
  password_version = var.password_version
  recovery_days    = 7
}

module "database" {
  source            = "../modules/database"
  name              = var.name
  subnet_ids        = values(module.network.data_subnet_ids)
  security_group_id = module.firewall.security_group_ids["database"]
  instance_class    = var.database_class
  storage_gb        = var.database_storage_gb
  max_storage_gb    = var.database_max_storage_gb
  backup_days       = var.backup_days
}

module "cache" {
  source            = "../modules/cache"
  name              = var.name
  subnet_ids        = values(module.network.data_subnet_ids)
  security_group_id = module.firewall.security_group_ids["cache"]
  node_type         = var.redis_node_type
  password_version  = var.password_version
  recovery_days     = 7
}

module "files" {
  source            = "../modules/files"
  name              = var.name
  subnet_ids        = module.network.data_subnet_ids
  security_group_id = module.firewall.security_group_ids["files"]
  directories       = ["gateway-a", "gateway-b", "artifacts"]
}

module "archive" {
  source                = "../modules/archive"
  bucket                = var.archive_bucket
  infrequent_after_days = 30
}

module "load_balancer" {
  source            = "../modules/load-balancer"
  name              = var.name
  vpc_id            = module.network.vpc_id
  subnet_ids        = values(module.network.public_subnet_ids)
  security_group_id = module.firewall.security_group_ids["load-balancer"]
  certificate_arn   = var.certificate_arn
  routes = {
    api     = { host = var.api_host, port = 8080, ops_port = 9102, priority = 10 }
    gateway = { host = var.gateway_host, port = 8070, ops_port = 9104, priority = 20 }
  }
}

module "cluster" {
  source = "../modules/cluster"
  name   = var.name
  vpc_id = module.network.vpc_id
  domain = "${var.name}.internal"
}

module "observability" {
  source              = "../modules/observability"
  name                = var.name
  region              = var.region
  ops_ports           = { for name, daemon in local.daemons : name => daemon.ops_port }
  rules               = { for file in fileset(local.rules, "*.yml") : trimsuffix(file, ".yml") => file("${local.rules}/${file}") }
  email               = var.alarm_email
  cluster_name        = module.cluster.name
  min_tasks           = local.min_tasks
  load_balancer       = module.load_balancer.arn_suffix
  target_groups       = module.load_balancer.target_group_suffixes
  database            = module.database.identifier
  database_storage_gb = var.database_storage_gb
  # The members are known only after the apply, their number before it.
  redis_members = { for number in ["1", "2"] : number => tolist(module.cache.member_ids)[tonumber(number) - 1] }
  log_days      = var.log_days
}

locals {
  rules = "${path.module}/../../../monitoring/rules"
}
