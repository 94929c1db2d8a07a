# trailrisk, part 1 of 2: CloudTrail events from EventBridge into an encrypted Kinesis stream, with the right to read it.
# For a whole organisation it also owns the bus to which the module `member` forwards.
# The same as deploy/cloudformation/stream.yaml.
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
  account   = data.aws_caller_identity.current.account_id
  partition = data.aws_partition.current.partition
  # `id` is the region's name in every version of the provider; the attribute with that meaning was renamed.
  region          = data.aws_region.current.id
  is_organization = var.organization_id != ""
  is_fan_out      = var.fan_out_consumer != ""
  has_lease_table = var.lease_table == "create"
}
