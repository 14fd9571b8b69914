locals {
  # What docs/redis.md lists, and nothing else.
  commands = "+client|setname +del +eval +evalsha +expire +get +hdel +hgetall +hmget +hset +incrby +info +mget +ping +pttl +publish +set +subscribe +time +unsubscribe +zadd +zrange +zrangebyscore +zrem +zremrangebyscore"
}

resource "aws_elasticache_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

# An evicted price is a missing price, and leases must not be evicted either.
resource "aws_elasticache_parameter_group" "this" {
  name   = "${var.name}-redis7"
  family = "redis7"

  parameter {
    name  = "maxmemory-policy"
    value = "noeviction"
  }
}

ephemeral "random_password" "redis" {
  length  = 40
  special = false
}

resource "aws_secretsmanager_secret" "password" {
  name                    = "${var.name}/redis/password"
  description             = "Password of the Redis user stellarindex"
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "password" {
  secret_id                = aws_secretsmanager_secret.password.id
  secret_string_wo         = ephemeral.random_password.redis.result
  secret_string_wo_version = var.password_version
}

# Read back, so that an apply that was interrupted goes on with the password that is stored.
ephemeral "aws_secretsmanager_secret_version" "password" {
  secret_id  = aws_secretsmanager_secret.password.id
  version_id = aws_secretsmanager_secret_version.password.version_id
}

resource "aws_elasticache_user" "stellarindex" {
  user_id              = "${var.name}-daemons"
  user_name            = "stellarindex"
  engine               = "redis"
  access_string        = "on resetchannels ~* &stellarindex:* -@all ${local.commands}"
  passwords_wo         = ephemeral.aws_secretsmanager_secret_version.password.secret_string
  passwords_wo_version = var.password_version
}

# A group has to have a user of this name; it may log in nowhere.
resource "aws_elasticache_user" "default" {
  user_id       = "${var.name}-default"
  user_name     = "default"
  engine        = "redis"
  access_string = "off -@all"

  authentication_mode {
    type = "no-password-required"
  }
}

resource "aws_elasticache_user_group" "this" {
  user_group_id = var.name
  engine        = "redis"
  user_ids      = [aws_elasticache_user.default.user_id, aws_elasticache_user.stellarindex.user_id]
}

# Not a cluster, which the program does not support. Nothing is stored on disk: every tick writes all values again.
resource "aws_elasticache_replication_group" "this" {
  replication_group_id       = var.name
  description                = "Published prices, leases of aggregators, rate limits"
  engine                     = "redis"
  engine_version             = "7.1"
  node_type                  = var.node_type
  num_cache_clusters         = 2
  automatic_failover_enabled = true
  multi_az_enabled           = true
  port                       = 6379
  parameter_group_name       = aws_elasticache_parameter_group.this.name
  subnet_group_name          = aws_elasticache_subnet_group.this.name
  security_group_ids         = [var.security_group_id]
  user_group_ids             = [aws_elasticache_user_group.this.user_group_id]
  at_rest_encryption_enabled = true
  transit_encryption_enabled = true
  transit_encryption_mode    = "required"
  snapshot_retention_limit   = 0
  maintenance_window         = "sun:05:00-sun:06:00"
}

resource "aws_secretsmanager_secret" "url" {
  name                    = "${var.name}/redis/url"
  description             = "URL of Redis, with its password"
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "url" {
  secret_id                = aws_secretsmanager_secret.url.id
  secret_string_wo         = "rediss://stellarindex:${ephemeral.aws_secretsmanager_secret_version.password.secret_string}@${aws_elasticache_replication_group.this.primary_endpoint_address}:6379/0"
  secret_string_wo_version = var.password_version
}
