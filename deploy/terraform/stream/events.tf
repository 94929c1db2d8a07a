locals {
  narrow = jsondecode(file("${path.module}/../../aws/event-pattern.json"))
  broad = {
    # No custom event: with PutEvents anybody can send one of any detail type, but none from aws.
    source = [{ prefix = "aws." }]
    detail-type = [
      "AWS API Call via CloudTrail",
      "AWS Console Action via CloudTrail",
      "AWS Console Signin via CloudTrail",
      "AWS Network Activity Event via CloudTrail",
      "AWS Console Sign In via CloudTrail",
      "AWS Service Event via CloudTrail",
    ]
  }
  is_broad         = var.event_scope == "broad"
  with_read_only   = local.is_broad && var.read_only_management_events
  event_bus        = local.is_organization ? aws_cloudwatch_event_bus.this[0].name : "default"
  event_pattern    = local.is_broad ? jsonencode(local.broad) : jsonencode(local.narrow)
  event_rule_state = local.with_read_only ? "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" : "ENABLED"
}

resource "aws_cloudwatch_event_bus" "this" {
  count = local.is_organization ? 1 : 0
  name  = "${var.name}-bus"
}

data "aws_iam_policy_document" "bus" {
  count = local.is_organization ? 1 : 0

  statement {
    sid       = "OrganizationForwards"
    actions   = ["events:PutEvents"]
    resources = [aws_cloudwatch_event_bus.this[0].arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:PrincipalOrgID"
      values   = [var.organization_id]
    }
  }
}

resource "aws_cloudwatch_event_bus_policy" "this" {
  count          = local.is_organization ? 1 : 0
  event_bus_name = aws_cloudwatch_event_bus.this[0].name
  policy         = data.aws_iam_policy_document.bus[0].json
}

resource "aws_cloudwatch_event_rule" "this" {
  name           = var.name
  description    = "CloudTrail events for trailrisk"
  event_bus_name = local.event_bus
  event_pattern  = local.event_pattern
  state          = local.event_rule_state
}

resource "aws_cloudwatch_event_target" "stream" {
  rule           = aws_cloudwatch_event_rule.this.name
  event_bus_name = local.event_bus
  target_id      = "stream"
  arn            = aws_kinesis_stream.this.arn
  role_arn       = aws_iam_role.delivery.arn

  kinesis_target {
    partition_key_path = var.partition_key_path
  }

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

data "aws_iam_policy_document" "delivery_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [local.account]
    }
  }
}

resource "aws_iam_role" "delivery" {
  name_prefix        = "${var.name}-"
  description        = "EventBridge puts records into the stream of trailrisk"
  assume_role_policy = data.aws_iam_policy_document.delivery_trust.json
}

data "aws_iam_policy_document" "delivery" {
  statement {
    sid       = "PutIntoTheStream"
    actions   = ["kinesis:PutRecord", "kinesis:PutRecords"]
    resources = [aws_kinesis_stream.this.arn]
  }

  statement {
    sid       = "EncryptForTheStream"
    actions   = ["kms:GenerateDataKey"]
    resources = [aws_kms_key.this.arn]
    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["kinesis.${local.region}.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "delivery" {
  name   = "put-records"
  role   = aws_iam_role.delivery.id
  policy = data.aws_iam_policy_document.delivery.json
}

# What EventBridge could not deliver within a day.
resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-undelivered"
  message_retention_seconds = 1209600
  sqs_managed_sse_enabled   = true
}

data "aws_iam_policy_document" "dead_letters" {
  statement {
    sid       = "TheRuleSends"
    actions   = ["sqs:SendMessage"]
    resources = [aws_sqs_queue.dead_letters.arn]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "ArnEquals"
      variable = "aws:SourceArn"
      values   = [aws_cloudwatch_event_rule.this.arn]
    }
  }

  statement {
    sid       = "OnlyEncryptedConnections"
    effect    = "Deny"
    actions   = ["sqs:*"]
    resources = [aws_sqs_queue.dead_letters.arn]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url
  policy    = data.aws_iam_policy_document.dead_letters.json
}
