variable "name" {
  description = "Prefix of the names of all resources."
  type        = string
}

variable "vpc_id" {
  description = "The network."
  type        = string
}

variable "s3_prefix_list_id" {
  description = "Addresses of S3."
  type        = string
}

variable "client_cidrs" {
  description = "Who may reach port 443 of the load balancer."
  type        = list(string)
}

variable "control_client_security_group_ids" {
  description = "Security groups of workers of your own and of operators, which may reach the control API."
  type        = list(string)
}
