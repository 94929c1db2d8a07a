# Exactly what the daemon calls, and the key.
locals {
  read_the_stream     = jsondecode(file("${path.module}/../../aws/reader-policy.json")).Statement[0].Action
  keep_the_checkpoint = jsondecode(file("${path.module}/../../aws/lease-table-policy.json")).Statement[0].Action
}

data "aws_iam_policy_document" "reader" {
  statement {
    sid       = "ReadTheStream"
    actions   = local.read_the_stream
    resources = [aws_kinesis_stream.this.arn]
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
