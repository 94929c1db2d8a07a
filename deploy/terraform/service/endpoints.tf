locals {
  interface_services = var.create_endpoints ? toset(["kinesis-streams", "logs", "secretsmanager", "ecr.api", "ecr.dkr"]) : toset([])
  # The layers of an image in ECR are in S3.
  gateway_services = var.create_endpoints ? toset(concat(["s3"], local.has_table ? ["dynamodb"] : [])) : toset([])
  read_the_stream  = jsondecode(file("${path.module}/../../aws/reader-policy.json")).Statement[0].Action
}

resource "aws_security_group" "endpoints" {
  count       = var.create_endpoints ? 1 : 0
  name_prefix = "${var.name}-endpoints-"
  description = "The VPC endpoints of trailrisk"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  count                        = var.create_endpoints ? 1 : 0
  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "The daemon"
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
  referenced_security_group_id = aws_security_group.task.id
}

data "aws_iam_policy_document" "kinesis_endpoint" {
  statement {
    sid       = "ReadTheStream"
    actions   = local.read_the_stream
    resources = [var.stream_arn]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.task.arn]
    }
  }

  dynamic "statement" {
    for_each = local.is_fan_out ? [var.consumer_arn] : []
    content {
      sid       = "ReadAsTheConsumer"
      actions   = ["kinesis:DescribeStreamConsumer", "kinesis:SubscribeToShard"]
      resources = [statement.value]
      principals {
        type        = "AWS"
        identifiers = [aws_iam_role.task.arn]
      }
    }
  }
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = local.interface_services
  service_name        = "com.amazonaws.${local.region}.${each.value}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  vpc_id              = var.vpc_id
  subnet_ids          = var.subnet_ids
  security_group_ids  = [aws_security_group.endpoints[0].id]
  policy              = each.value == "kinesis-streams" ? data.aws_iam_policy_document.kinesis_endpoint.json : null
}

resource "aws_vpc_endpoint" "gateway" {
  for_each          = local.gateway_services
  service_name      = "com.amazonaws.${local.region}.${each.value}"
  vpc_endpoint_type = "Gateway"
  vpc_id            = var.vpc_id
  route_table_ids   = var.route_table_ids
}
