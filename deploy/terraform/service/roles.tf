data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["ecs-tasks.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
    condition {
      test     = "ArnLike"
      variable = "aws:SourceArn"
      values   = ["arn:${local.partition}:ecs:${local.region}:${local.account}:*"]
    }
  }
}

resource "aws_iam_role" "task" {
  name_prefix        = "${var.name}-task-"
  description        = "The daemon of trailrisk"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy_attachment" "reader" {
  role       = aws_iam_role.task.name
  policy_arn = var.reader_policy_arn
}

data "aws_iam_policy_document" "state" {
  count = local.has_files ? 1 : 0

  statement {
    sid       = "MountTheState"
    actions   = ["elasticfilesystem:ClientMount", "elasticfilesystem:ClientWrite"]
    resources = [aws_efs_file_system.state[0].arn]
    condition {
      test     = "StringEquals"
      variable = "elasticfilesystem:AccessPointArn"
      values   = [aws_efs_access_point.state[0].arn]
    }
  }
}

resource "aws_iam_role_policy" "state" {
  count  = local.has_files ? 1 : 0
  name   = "state"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.state[0].json
}

data "aws_iam_policy_document" "dead_letters" {
  statement {
    sid       = "WriteDeadLetters"
    actions   = ["s3:PutObject"]
    resources = ["arn:${local.partition}:s3:::${trimprefix(var.dead_letter_url, "s3://")}/*"]
  }

  dynamic "statement" {
    for_each = var.dead_letter_key_arn == "" ? [] : [var.dead_letter_key_arn]
    content {
      sid       = "EncryptDeadLetters"
      actions   = ["kms:GenerateDataKey"]
      resources = [statement.value]
      condition {
        test     = "StringLike"
        variable = "kms:ViaService"
        values   = ["s3.*.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_role_policy" "dead_letters" {
  count  = local.has_bucket ? 1 : 0
  name   = "dead-letters"
  role   = aws_iam_role.task.id
  policy = data.aws_iam_policy_document.dead_letters.json
}

resource "aws_iam_role" "execution" {
  name_prefix        = "${var.name}-start-"
  description        = "ECS starts trailrisk"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

data "aws_iam_policy_document" "start" {
  # checkov:skip=CKV_AWS_356:ecr:GetAuthorizationToken knows no other resource than "*".
  statement {
    sid       = "WriteTheLog"
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
  }

  statement {
    sid       = "ReadTheSecrets"
    actions   = ["secretsmanager:GetSecretValue"]
    resources = values(local.secrets)
  }

  statement {
    sid       = "DecryptTheSecrets"
    actions   = ["kms:Decrypt"]
    resources = local.has_sink_secret_key ? [var.key_arn, var.sink_secret_key_arn] : [var.key_arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["secretsmanager.${local.region}.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = local.has_repository ? [var.image_repository_arn] : []
    content {
      sid       = "PullTheImage"
      actions   = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = local.has_repository ? ["*"] : []
    content {
      sid       = "SignInToTheRegistry"
      actions   = ["ecr:GetAuthorizationToken"]
      resources = [statement.value]
    }
  }
}

resource "aws_iam_role_policy" "start" {
  name   = "start"
  role   = aws_iam_role.execution.id
  policy = data.aws_iam_policy_document.start.json
}
