resource "aws_security_group" "task" {
  name_prefix = "${var.name}-"
  description = "The daemon of trailrisk"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_egress_rule" "aws_and_sinks" {
  security_group_id = aws_security_group.task.id
  description       = "AWS and sinks"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  cidr_ipv4         = var.sink_cidr
}

resource "aws_vpc_security_group_egress_rule" "sink" {
  count             = var.sink_port == 443 ? 0 : 1
  security_group_id = aws_security_group.task.id
  description       = "A sink"
  ip_protocol       = "tcp"
  from_port         = var.sink_port
  to_port           = var.sink_port
  cidr_ipv4         = var.sink_cidr
}

resource "aws_vpc_security_group_ingress_rule" "metrics" {
  count             = local.has_metrics ? 1 : 0
  security_group_id = aws_security_group.task.id
  description       = "Metrics"
  ip_protocol       = "tcp"
  from_port         = 9464
  to_port           = 9464
  cidr_ipv4         = var.metrics_cidr
}

resource "aws_vpc_security_group_egress_rule" "state" {
  count                        = local.has_files ? 1 : 0
  security_group_id            = aws_security_group.task.id
  description                  = "The state"
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  referenced_security_group_id = aws_security_group.state[0].id
}

# Nothing goes out of it: a security group of Terraform has no rule but those that are written.
resource "aws_security_group" "state" {
  count       = local.has_files ? 1 : 0
  name_prefix = "${var.name}-state-"
  description = "The state of trailrisk"
  vpc_id      = var.vpc_id
}

resource "aws_vpc_security_group_ingress_rule" "state" {
  count                        = local.has_files ? 1 : 0
  security_group_id            = aws_security_group.state[0].id
  description                  = "The daemon"
  ip_protocol                  = "tcp"
  from_port                    = 2049
  to_port                      = 2049
  referenced_security_group_id = aws_security_group.task.id
}
