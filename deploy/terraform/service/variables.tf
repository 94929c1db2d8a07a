variable "name" {
  description = "What the names of everything here begin with."
  type        = string
  default     = "trailrisk"
}

variable "stream_arn" {
  description = "From the module `stream`."
  type        = string
}

variable "key_arn" {
  description = "From the module `stream`."
  type        = string
}

variable "reader_policy_arn" {
  description = "From the module `stream`."
  type        = string
}

variable "consumer_arn" {
  description = "Reads by enhanced fan-out as this consumer. Empty, the daemon polls."
  type        = string
  default     = ""
}

variable "lease_table_name" {
  description = "Keeps the checkpoint. Empty, it is on an EFS that this module makes."
  type        = string
  default     = ""
}

variable "image" {
  description = "The image of the Dockerfile, best by digest."
  type        = string
}

variable "image_repository_arn" {
  description = "The repository, where it is one of ECR. Empty, the image is public."
  type        = string
  default     = ""
}

variable "source_name" {
  description = "Part of the id of every risk event. Keep it for good."
  type        = string
  default     = "cloudtrail"
}

variable "start" {
  description = "Where a stream without a checkpoint is begun."
  type        = string
  default     = "latest"
  validation {
    condition     = contains(["latest", "trim_horizon"], var.start)
    error_message = "start: latest or trim_horizon."
  }
}

variable "sinks" {
  description = "`sinks` of trailrisk.yaml in YAML's flow style. `\"$${SINK_SECRET}\"`, in double quotes, stands for the secret below. Lines of a `stdout` sink go to the log group."
  type        = string
  default     = "[{name: stdout, type: stdout}]"
}

variable "sink_secret_arn" {
  description = "The token or signing secret that `$${SINK_SECRET}` stands for: the ARN of a secret in Secrets Manager that holds nothing else, without the key of a JSON behind it. Empty, none."
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^(arn:[a-z-]+:secretsmanager:[a-z0-9-]+:[0-9]{12}:secret:[^:]+)?$", var.sink_secret_arn))
    error_message = "sink_secret_arn: the ARN of a secret, without a JSON key behind it, or empty."
  }
}

variable "sink_secret_key_arn" {
  description = "Its key, where that is not the account's own for Secrets Manager."
  type        = string
  default     = ""
}

variable "dead_letter_url" {
  description = "Where records go that cannot be read and risk events that a sink refuses: s3://BUCKET/PREFIX. Empty, a file on the EFS, or with a lease table lines in the log group."
  type        = string
  default     = ""
  validation {
    condition     = can(regex("^(s3://[a-z0-9.-]{3,63}/[A-Za-z0-9._/-]*[A-Za-z0-9._-])?$", var.dead_letter_url))
    error_message = "dead_letter_url: s3://BUCKET/PREFIX without a slash at its end, or empty."
  }
}

variable "dead_letter_key_arn" {
  description = "The key that encrypts this bucket, where it has one of its own."
  type        = string
  default     = ""
}

variable "max_state_bytes" {
  description = "limits.max_state_bytes. The memory must be five times this and 352 MiB (docs/security.md)."
  type        = string
  default     = "256MiB"
}

variable "cpu_architecture" {
  description = "What the image was built for."
  type        = string
  default     = "X86_64"
  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture: X86_64 or ARM64."
  }
}

variable "cpu" {
  description = "1024 are one core."
  type        = number
  default     = 1024
  validation {
    condition     = contains([256, 512, 1024, 2048, 4096], var.cpu)
    error_message = "cpu: 256, 512, 1024, 2048 or 4096."
  }
}

variable "memory" {
  description = "MiB, in a size that Fargate has for this cpu."
  type        = number
  default     = 2048
  validation {
    condition = contains({
      256  = [512, 1024, 2048]
      512  = range(1024, 4097, 1024)
      1024 = range(2048, 8193, 1024)
      2048 = range(4096, 16385, 1024)
      4096 = range(8192, 30721, 1024)
    }[var.cpu], var.memory)
    error_message = "memory: with cpu 256 Fargate has 512, 1024 or 2048; otherwise twice to eight times the cpu in steps of 1024, with 4096 at most 30720."
  }
}

variable "log_retention_days" {
  description = "How long CloudWatch keeps the log and the risk events of a `stdout` sink."
  type        = number
  default     = 365
}

variable "vpc_id" {
  description = "The VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Two private subnets in two zones, with a way to AWS and to the sinks."
  type        = list(string)
  validation {
    condition     = length(distinct(var.subnet_ids)) == 2 && length(var.subnet_ids) == 2
    error_message = "subnet_ids: two subnets, in two zones."
  }
}

variable "assign_public_ip" {
  description = "Only where the subnets are public and have no NAT."
  type        = bool
  default     = false
}

variable "sink_cidr" {
  description = "Where the sinks and AWS are."
  type        = string
  default     = "0.0.0.0/0"
}

variable "sink_port" {
  description = "A port of a sink beside 443, such as 8088 of Splunk."
  type        = number
  default     = 443
  validation {
    condition     = var.sink_port >= 1 && var.sink_port <= 65535
    error_message = "sink_port: 1 to 65535."
  }
}

variable "metrics_cidr" {
  description = "Who may scrape port 9464, which asks for no password. Empty, nobody."
  type        = string
  default     = ""
}

variable "create_endpoints" {
  description = "VPC endpoints for what the task needs of AWS, where the VPC has none. Sinks outside still need a way out."
  type        = bool
  default     = false
}

variable "route_table_ids" {
  description = "With create_endpoints, the route tables of the subnets."
  type        = list(string)
  default     = []
  validation {
    condition     = !var.create_endpoints || length(var.route_table_ids) > 0
    error_message = "route_table_ids: create_endpoints needs the route tables of the subnets."
  }
}
