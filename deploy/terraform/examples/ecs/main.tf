# The whole of it on ECS, with the checkpoint in DynamoDB. A copy of this outside of the repository names the modules by
# git::https://github.com/trailrisk/trailrisk//deploy/terraform/stream?ref=VERSION and so on: the two slashes bring
# deploy/aws along, whose event pattern and policies they read.
terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
  }
}

variable "image" {
  description = "The image of the Dockerfile, best by digest."
  type        = string
}

variable "image_repository_arn" {
  description = "The repository in ECR."
  type        = string
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Two private subnets in two zones."
  type        = list(string)
}

module "stream" {
  source      = "../../stream"
  lease_table = "create"
}

module "service" {
  source               = "../../service"
  stream_arn           = module.stream.stream_arn
  key_arn              = module.stream.key_arn
  reader_policy_arn    = module.stream.reader_policy_arn
  consumer_arn         = module.stream.consumer_arn
  lease_table_name     = module.stream.lease_table_name
  image                = var.image
  image_repository_arn = var.image_repository_arn
  vpc_id               = var.vpc_id
  subnet_ids           = var.subnet_ids
}

output "log_group" {
  description = "Where the risk events are."
  value       = module.service.log_group
}
