# The services that tasks need to start and to report: with these, most tasks need no way to the internet.
locals {
  services = ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "aps-workspaces"]
}

resource "aws_vpc_endpoint" "this" {
  for_each            = toset(local.services)
  vpc_id              = var.vpc_id
  service_name        = "com.amazonaws.${var.region}.${each.key}"
  vpc_endpoint_type   = "Interface"
  subnet_ids          = var.subnet_ids
  security_group_ids  = [var.security_group_id]
  private_dns_enabled = true
  tags                = { Name = "${var.name}-${each.key}" }
}
