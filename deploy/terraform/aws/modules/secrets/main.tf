# Passwords are made during an apply and written to Secrets Manager alone: neither the plan nor the state has them.
ephemeral "random_password" "role" {
  for_each = toset(var.roles)
  length   = 40
  special  = false
}

resource "aws_secretsmanager_secret" "role" {
  for_each                = toset(var.roles)
  name                    = "${var.name}/database/${each.key}"
  description             = "Password of the database role stellarindex_${each.key}"
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "role" {
  for_each                 = toset(var.roles)
  secret_id                = aws_secretsmanager_secret.role[each.key].id
  secret_string_wo         = ephemeral.random_password.role[each.key].result
  secret_string_wo_version = var.password_version
}

# Lists of API keys, as TOML: what `stellarindex key` prints, as [{ name = "…", hash = "sha256:…" }]. They hold hashes only.
resource "aws_secretsmanager_secret" "keys" {
  for_each                = toset(var.key_lists)
  name                    = "${var.name}/keys/${each.key}"
  description             = "TOML list of the tables [[${each.key}.keys]]"
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "keys" {
  for_each      = toset(var.key_lists)
  secret_id     = aws_secretsmanager_secret.keys[each.key].id
  secret_string = "[]"

  lifecycle {
    ignore_changes = [secret_string]
  }
}
