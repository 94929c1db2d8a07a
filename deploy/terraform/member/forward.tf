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
  event_pattern    = local.is_broad ? jsonencode(local.broad) : jsonencode(local.narrow)
  event_rule_state = local.with_read_only ? "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS" : "ENABLED"
}

resource "aws_cloudwatch_event_rule" "this" {
  name          = "${var.name}-member"
  description   = "CloudTrail events for trailrisk, to the central bus"
  event_pattern = local.event_pattern
  state         = local.event_rule_state
}

resource "aws_cloudwatch_event_target" "central" {
  rule      = aws_cloudwatch_event_rule.this.name
  target_id = "central"
  arn       = var.central_bus_arn
  role_arn  = aws_iam_role.forwarding.arn

  retry_policy {
    maximum_event_age_in_seconds = 86400
    maximum_retry_attempts       = 185
  }

  dead_letter_config {
    arn = aws_sqs_queue.dead_letters.arn
  }
}

data "aws_iam_policy_document" "forwarding_trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["events.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "aws:SourceAccount"
      values   = [data.aws_caller_identity.current.account_id]
    }
  }
}

resource "aws_iam_role" "forwarding" {
  name_prefix        = "${var.name}-"
  description        = "EventBridge forwards events to the central bus of trailrisk"
  assume_role_policy = data.aws_iam_policy_document.forwarding_trust.json
}

data "aws_iam_policy_document" "forwarding" {
  statement {
    sid       = "PutOnTheCentralBus"
    actions   = ["events:PutEvents"]
    resources = [var.central_bus_arn]
  }
}

resource "aws_iam_role_policy" "forwarding" {
  name   = "put-events"
  role   = aws_iam_role.forwarding.id
  policy = data.aws_iam_policy_document.forwarding.json
}

resource "aws_sqs_queue" "dead_letters" {
  name                      = "${var.name}-member-undelivered"
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
