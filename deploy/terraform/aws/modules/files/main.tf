# Directories that outlive tasks: the journal of each gateway, and the artifacts of workers. A write that was synced is in several
# zones.
resource "aws_efs_file_system" "this" {
  encrypted       = true
  throughput_mode = "elastic"
  tags            = { Name = var.name }

  lifecycle {
    # Acknowledged trades that are not in the database yet are here, and nowhere else.
    prevent_destroy = true
  }
}

resource "aws_efs_mount_target" "this" {
  for_each        = var.subnet_ids
  file_system_id  = aws_efs_file_system.this.id
  subnet_id       = each.value
  security_groups = [var.security_group_id]
}

# The user of the image owns its directory, and sees no other.
resource "aws_efs_access_point" "this" {
  for_each       = toset(var.directories)
  file_system_id = aws_efs_file_system.this.id
  tags           = { Name = "${var.name}-${each.key}" }

  posix_user {
    uid = 1000
    gid = 1000
  }

  root_directory {
    path = "/${each.key}"

    creation_info {
      owner_uid   = 1000
      owner_gid   = 1000
      permissions = "0700"
    }
  }
}

# A journal that was copied back is refused while it is in use, and is empty while the database works: backups would not help.
resource "aws_efs_backup_policy" "this" {
  file_system_id = aws_efs_file_system.this.id

  backup_policy {
    status = "DISABLED"
  }
}

data "aws_iam_policy_document" "this" {
  # Without a statement that allows, nobody mounts; the roles of tasks allow it for their own directory.
  statement {
    sid       = "OnlyEncrypted"
    effect    = "Deny"
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite", "elasticfilesystem:ClientRootAccess"]
    resources = [aws_efs_file_system.this.arn]

    principals {
      type        = "AWS"
      identifiers = ["*"]
    }

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_efs_file_system_policy" "this" {
  file_system_id = aws_efs_file_system.this.id
  policy         = data.aws_iam_policy_document.this.json
}
