# Who may talk to whom. Each line of `flows` is a rule on both sides; nothing else is allowed.
locals {
  tasks = ["api", "aggregator", "control", "deliver", "gateway", "worker", "once"]
  # Who calls venues, references or receivers, on port 443 only.
  internet = ["aggregator", "deliver", "worker"]

  flows = [
    { from = "load-balancer", to = "api", ports = [8080, 9102] },
    { from = "load-balancer", to = "gateway", ports = [8070, 9104] },
    { from = "api", to = "database", ports = [5432] },
    { from = "api", to = "cache", ports = [6379] },
    { from = "aggregator", to = "database", ports = [5432] },
    { from = "aggregator", to = "cache", ports = [6379] },
    { from = "control", to = "database", ports = [5432] },
    { from = "deliver", to = "database", ports = [5432] },
    { from = "deliver", to = "cache", ports = [6379] },
    { from = "gateway", to = "database", ports = [5432] },
    { from = "gateway", to = "files", ports = [2049] },
    { from = "worker", to = "database", ports = [5432] },
    { from = "worker", to = "files", ports = [2049] },
    { from = "once", to = "database", ports = [5432] },
  ]

  groups = toset(concat(local.tasks, ["load-balancer", "database", "cache", "files", "endpoints"]))

  to_endpoints = [for task in local.tasks : { from = task, to = "endpoints", ports = [443] }]
  rules = merge([
    for flow in concat(local.flows, local.to_endpoints) : {
      for port in flow.ports : "${flow.from}-${flow.to}-${port}" => { from = flow.from, to = flow.to, port = port }
    }
  ]...)
}

resource "aws_security_group" "this" {
  for_each    = local.groups
  name        = "${var.name}-${each.key}"
  description = "Stellar Index: ${each.key}"
  vpc_id      = var.vpc_id
  tags        = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_security_group_egress_rule" "flow" {
  for_each                     = local.rules
  security_group_id            = aws_security_group.this[each.value.from].id
  referenced_security_group_id = aws_security_group.this[each.value.to].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "flow" {
  for_each                     = local.rules
  security_group_id            = aws_security_group.this[each.value.to].id
  referenced_security_group_id = aws_security_group.this[each.value.from].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each          = toset(var.client_cidrs)
  security_group_id = aws_security_group.this["load-balancer"].id
  cidr_ipv4         = each.value
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_ingress_rule" "control_clients" {
  for_each                     = toset(var.control_client_security_group_ids)
  security_group_id            = aws_security_group.this["control"].id
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 8090
  to_port                      = 8090
}

resource "aws_vpc_security_group_egress_rule" "s3" {
  for_each          = toset(local.tasks)
  security_group_id = aws_security_group.this[each.key].id
  prefix_list_id    = var.s3_prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "internet" {
  for_each          = toset(local.internet)
  security_group_id = aws_security_group.this[each.key].id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}
