# Exactly what the daemon calls, and the key. A consumer that is there already it need not register.
locals {
  read_the_stream     = jsondecode(file("${path.module}/../../aws/reader-policy.json")).Statement[0].Action
  keep_the_checkpoint = jsondecode(file("${path.module}/../../aws/lease-table-policy.json")).Statement[0].Action
}

data "aws_iam_policy_document" "reader" {
  dynamic "statement" {
    for_each = local.is_fan_out ? [] : [1]
    content {
      sid       = "ReadTheStream"
      actions   = local.read_the_stream
      resources = [aws_kinesis_stream.this.arn]
    }
  }

  dynamic "statement" {
    for_each = local.is_fan_out ? [1] : []
    content {
      sid       = "FollowTheStream"
      actions   = ["kinesis:DescribeStreamSummary", "kinesis:ListShards"]
      resources = [aws_kinesis_stream.this.arn]
    }
  }

  dynamic "statement" {
    for_each = aws_kinesis_stream_consumer.this[*].arn
    content {
      sid       = "ReadAsTheConsumer"
      actions   = ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"]
      resources = [statement.value]
    }
  }

  statement {
    sid       = "DecryptTheStream"
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.this.arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["kinesis.${local.region}.amazonaws.com"]
    }
  }

  dynamic "statement" {
    for_each = aws_dynamodb_table.lease[*].arn
    content {
      sid       = "KeepTheCheckpoint"
      actions   = local.keep_the_checkpoint
      resources = [statement.value]
    }
  }

  dynamic "statement" {
    for_each = local.has_lease_table ? [1] : []
    content {
      sid       = "EncryptTheCheckpoint"
      actions   = ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
      resources = [aws_kms_key.this.arn]
      condition {
        test     = "StringEquals"
        variable = "kms:ViaService"
        values   = ["dynamodb.${local.region}.amazonaws.com"]
      }
    }
  }
}

resource "aws_iam_policy" "reader" {
  name_prefix = "${var.name}-reader-"
  description = "trailrisk reads its stream and keeps its checkpoint"
  policy      = data.aws_iam_policy_document.reader.json
}
