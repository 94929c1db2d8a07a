# The checkpoint, its lock and the dead letters, where there is no lease table.
resource "aws_efs_file_system" "state" {
  count            = local.has_files ? 1 : 0
  encrypted        = true
  kms_key_id       = var.key_arn
  performance_mode = "generalPurpose"
  throughput_mode  = "elastic"
  tags             = { Name = "${var.name}-state" }

  lifecycle {
    prevent_destroy = true
  }
}

# A checkpoint that was put back would send again what was sent since.
resource "aws_efs_backup_policy" "state" {
  count          = local.has_files ? 1 : 0
  file_system_id = aws_efs_file_system.state[0].id
  backup_policy {
    status = "DISABLED"
  }
}

data "aws_iam_policy_document" "file_system" {
  count = local.has_files ? 1 : 0

  statement {
    sid       = "IamOfThisAccountDecides"
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    resources = [aws_efs_file_system.state[0].arn]
    principals {
      type        = "AWS"
      identifiers = ["arn:${local.partition}:iam::${local.account}:root"]
    }
    condition {
      test     = "Bool"
      variable = "elasticfilesystem:AccessedViaMountTarget"
      values   = ["true"]
    }
  }

  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["*"]
    resources = [aws_efs_file_system.state[0].arn]
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

resource "aws_efs_file_system_policy" "state" {
  count          = local.has_files ? 1 : 0
  file_system_id = aws_efs_file_system.state[0].id
  policy         = data.aws_iam_policy_document.file_system[0].json
}

resource "aws_efs_access_point" "state" {
  count          = local.has_files ? 1 : 0
  file_system_id = aws_efs_file_system.state[0].id

  posix_user {
    uid = 65532
    gid = 65532
  }

  root_directory {
    path = "/trailrisk"
    creation_info {
      owner_uid   = 65532
      owner_gid   = 65532
      permissions = "0700"
    }
  }
}

resource "aws_efs_mount_target" "state" {
  count           = local.has_files ? 2 : 0
  file_system_id  = aws_efs_file_system.state[0].id
  subnet_id       = var.subnet_ids[count.index]
  security_groups = [aws_security_group.state[0].id]
}
