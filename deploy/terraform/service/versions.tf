# trailrisk, part 2 of 2: the daemon as one Fargate task, reading the stream of the module `stream`. Its checkpoint is in
# the lease table of that module, or else on an EFS of its own. The same as deploy/cloudformation/service.yaml.
terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}
data "aws_region" "current" {}

locals {
  account             = data.aws_caller_identity.current.account_id
  partition           = data.aws_partition.current.partition
  region              = data.aws_region.current.id
  is_fan_out          = var.consumer_arn != ""
  has_table           = var.lease_table_name != ""
  has_files           = !local.has_table
  has_bucket          = var.dead_letter_url != ""
  has_metrics         = var.metrics_cidr != ""
  has_sink_secret     = var.sink_secret_arn != ""
  has_sink_secret_key = var.sink_secret_key_arn != ""
  has_repository      = var.image_repository_arn != ""
}
