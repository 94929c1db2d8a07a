resource "aws_ecs_cluster" "this" {
  name = var.name
  setting {
    name  = "containerInsights"
    value = "enabled"
  }
}

resource "aws_ecs_service" "this" {
  # checkov:skip=CKV_AWS_332:1.4.0 is the latest one of Linux, and stays what it is.
  name             = var.name
  cluster          = aws_ecs_cluster.this.id
  task_definition  = aws_ecs_task_definition.this.arn
  launch_type      = "FARGATE"
  platform_version = "1.4.0"
  desired_count    = 1
  # Never two: the checkpoint belongs to one process, and a second one is refused.
  deployment_minimum_healthy_percent = 0
  deployment_maximum_percent         = 100
  availability_zone_rebalancing      = "DISABLED"
  enable_execute_command             = false
  propagate_tags                     = "SERVICE"

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    assign_public_ip = var.assign_public_ip
    security_groups  = [aws_security_group.task.id]
    subnets          = var.subnet_ids
  }

  # The task cannot mount what is not there yet, nor be started without its rights.
  depends_on = [
    aws_efs_mount_target.state,
    aws_iam_role_policy.dead_letters,
    aws_iam_role_policy.start,
    aws_iam_role_policy.state,
    aws_iam_role_policy_attachment.reader,
    aws_secretsmanager_secret_version.sampling_key,
  ]
}

locals {
  # The whole section: what the image's file says of another type does not belong to this one.
  dead_letter = local.has_bucket ? "{type: s3, url: '${var.dead_letter_url}'}" : local.has_table ? "{type: stdout}" : "{type: file}"
  environment = merge(
    {
      TRAILRISK_SOURCE__STREAM           = var.stream_arn
      TRAILRISK_SOURCE__NAME             = var.source_name
      TRAILRISK_SOURCE__START            = var.start
      TRAILRISK_SINKS                    = var.sinks
      TRAILRISK_CHECKPOINT__STORE        = local.has_table ? "dynamodb" : "file"
      TRAILRISK_DEAD_LETTER              = local.dead_letter
      TRAILRISK_LIMITS__MAX_STATE_BYTES  = var.max_state_bytes
      TRAILRISK_ADMIN__LISTEN            = local.has_metrics ? "0.0.0.0:9464" : "127.0.0.1:9464"
      TRAILRISK_SHUTDOWN__DRAIN_DEADLINE = "20s"
    },
    local.is_fan_out ? { TRAILRISK_SOURCE__READER = "fan_out", TRAILRISK_SOURCE__CONSUMER = var.consumer_arn } : {},
    local.has_table ? { TRAILRISK_CHECKPOINT__TABLE = var.lease_table_name } : {},
  )
  secrets = merge(
    { TRAILRISK_LIMITS__SAMPLING_KEY = aws_secretsmanager_secret.sampling_key.arn },
    local.has_sink_secret ? { SINK_SECRET = var.sink_secret_arn } : {},
  )
  container = {
    name                   = "trailrisk"
    image                  = var.image
    essential              = true
    user                   = "65532:65532"
    readonlyRootFilesystem = true
    linuxParameters        = { capabilities = { drop = ["ALL"] } }
    mountPoints            = local.has_files ? [{ sourceVolume = "state", containerPath = "/var/lib/trailrisk", readOnly = false }] : []
    portMappings           = local.has_metrics ? [{ containerPort = 9464, protocol = "tcp" }] : []
    environment            = [for name, value in local.environment : { name = name, value = value }]
    secrets                = [for name, arn in local.secrets : { name = name, valueFrom = arn }]
    healthCheck = {
      command     = ["CMD", "/usr/local/bin/trailrisk", "healthcheck", "--config", "/etc/trailrisk/trailrisk.yaml"]
      interval    = 15
      timeout     = 5
      retries     = 3
      startPeriod = 60
    }
    stopTimeout = 45
    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-region        = local.region
        awslogs-stream-prefix = "trailrisk"
        # The risk events are among the lines: none may be dropped while CloudWatch is slow.
        mode = "blocking"
      }
    }
  }
}

resource "aws_ecs_task_definition" "this" {
  family                   = var.name
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  task_role_arn            = aws_iam_role.task.arn
  execution_role_arn       = aws_iam_role.execution.arn
  container_definitions    = jsonencode([local.container])

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  dynamic "volume" {
    for_each = local.has_files ? ["state"] : []
    content {
      name = volume.value
      efs_volume_configuration {
        file_system_id     = aws_efs_file_system.state[0].id
        transit_encryption = "ENABLED"
        authorization_config {
          access_point_id = aws_efs_access_point.state[0].id
          iam             = "ENABLED"
        }
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/trailrisk/${var.name}"
  retention_in_days = var.log_retention_days
  kms_key_id        = var.key_arn

  lifecycle {
    prevent_destroy = true
  }
}
