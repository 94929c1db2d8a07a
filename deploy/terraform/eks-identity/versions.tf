# trailrisk on EKS: the role of the daemon, given by a pod identity association, or to a service account by the cluster's
# OpenID provider (IRSA). The same as deploy/cloudformation/eks-identity.yaml.
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
