# trailrisk in an organisation: forwards this account's CloudTrail events to the bus of the module `stream`. For every
# account and region to be watched, the central one included. The same as deploy/cloudformation/member.yaml.
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
